"""What is examined before anything runs: rules, database, installation. Reads only: polls and posts nothing."""
