"""Sales and calendars from outside: files become events, and made-up shops that look real."""
