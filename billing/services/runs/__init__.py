"""Bill runs from plan to close: computing, writing, approving, correcting, reversing."""
