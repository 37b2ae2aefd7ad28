"""Orders paid online, from the basket to what a provider tells and gives back."""
