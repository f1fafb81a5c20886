"""The mechanisms of the Linux kernel that confine a worker, one module for each."""
