"""AWS: the Lambdas' package, and the tools that deploy and test it."""
