"""The `shelfcast` command; `main` has the application, each other module some of its commands."""
