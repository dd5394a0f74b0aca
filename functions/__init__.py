"""What Shelfcast does about events: one package per function, and the modelling core."""
