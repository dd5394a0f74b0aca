"""The `shelfcast` command. `main` has the application; other modules have its commands."""
