"""Other engines' SQL, one file each."""
