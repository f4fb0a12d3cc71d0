"""Coverage of the documented errors: what a suite simulated, and what it checked. Private."""
