"""What the image is made of."""
