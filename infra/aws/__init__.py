"""What only AWS needs: the Lambdas' package, and the tools that deploy and try it."""
