"""An earthquake's files and geography: stations, sensors, hypocentres, ground motion on the grid's clock."""
