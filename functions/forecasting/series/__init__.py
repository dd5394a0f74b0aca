"""What is known of each series: days, drivers, calendar, opening, outliers, units and scale."""
