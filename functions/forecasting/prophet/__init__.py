"""Prophet's model as values: parameters, what they forecast, and a real Prophet from them."""
