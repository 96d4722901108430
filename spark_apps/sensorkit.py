"""Sensors as our jobs know them: readings in long form, a row for each value.

Long, because parameters come unannounced and change their type: a new one is a new row, no new column, and a column cannot be of two types.
Every value is kept as it was written, with its type beside it, and as a number where it is one.
"""

READINGS = "yard.trusted.sensors_land"
QUARANTINE = f"{READINGS}_quarantine"
FILES = f"{READINGS}_files"
NOTHING = "nothing"  # the type of a null: the sensor has the parameter and says nothing of it
COLUMNS = "date DATE, sensor STRING, time TIMESTAMP, parameter STRING, type STRING, value STRING, number DOUBLE"
