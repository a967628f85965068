"""The service: a page to drop a video on, a REST interface, live captions. `create_app` puts it together.

settings  what may be chosen           store     jobs in SQLite
guard     who is let in                supervisor, worker   processes that do the jobs
uploads   bodies read within limits    tasks, found, picture   what a job makes
routes/   the REST interface           live      the socket
"""
