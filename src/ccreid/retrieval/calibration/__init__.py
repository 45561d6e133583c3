"""What a score says: likelihood ratios, thresholds for a stated error rate, nobody."""
