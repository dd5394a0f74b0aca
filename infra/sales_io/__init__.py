"""Sales from outside: files become sale-recorded events, and made-up shops that look real."""
