"""What the Makefile and the documents run."""
