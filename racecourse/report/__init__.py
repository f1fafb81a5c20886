"""What a student, an instructor or a machine reads."""
