"""From the source of a program to code that stops where tasks can meet."""
