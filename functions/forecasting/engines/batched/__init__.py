"""All fits of a panel together, without Stan, to the same optimum."""
