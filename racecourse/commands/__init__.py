"""The commands of `grade`: parse, call, print, choose the exit code."""
