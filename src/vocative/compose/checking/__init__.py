"""What is wrong with a template, told before anybody gets it."""
