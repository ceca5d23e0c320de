"""Between which values a mastering network decides."""

LOW_HZ, HIGH_HZ = 20.0, 20_000.0
MOST_DB = 12.0
LOW_Q, HIGH_Q = 0.5, 5.0

LOWEST_THRESHOLD_DB = -48.0
STEEPEST = 0.75  # of the compressor: 1 - 1 / ratio
ATTACK_MS, RELEASE_MS = (1.0, 100.0), (20.0, 1000.0)
WIDEST_KNEE_DB = 12.0
MOST_DRIVE_DB = 12.0
MOST_WIDTH_DB = 6.0
