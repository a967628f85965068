"""Frame classifiers compared on recordings whose words are known.

runs.py       classifiers let loose on the recordings of a folder
figures.py    the figures of each, in all and by what `conditions.csv` says
errors.py     what becomes of each true word
tables.py     the figures as text and as CSV
pictures.py   curves, matrices and charts; worst.py  the worst recordings, drawn
report.py     all of it as a folder with a page to read
"""
