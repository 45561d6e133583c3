"""People who do not exist, in clothes that they change."""
