"""Wrong submissions to exercise 3 that `grade demo` shows; wrong on purpose."""
