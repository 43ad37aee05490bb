"""What an author writes: files of a workspace, read with the place of every word."""
