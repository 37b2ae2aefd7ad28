"""What is charged for: fee standards, proposals, shared costs."""
