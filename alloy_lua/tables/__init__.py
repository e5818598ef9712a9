"""Scripts over tables: the script that `fire` runs, run for each row of Arrow data."""
