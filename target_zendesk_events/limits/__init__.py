"""What holds sending back: the rate, brakes and outages."""
