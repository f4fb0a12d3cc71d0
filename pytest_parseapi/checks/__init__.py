"""Pure judgements: each check reads the record of a test and finds broken rules. Private."""
