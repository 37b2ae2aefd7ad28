"""What the portal's speed is measured by: `make bench`, or `python -m benchmarks`."""
