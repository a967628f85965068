"""The service: a page to drop a video on, a REST interface, live captions. `create_app` puts it together.

settings  what may be chosen            store       jobs in SQLite
security  who is let in                 storage     where a job's files lie
uploads   bodies read within limits     supervisor, worker   processes that do the jobs
routes/   the REST interface            tasks, scores, picture   what a job makes
live      the socket                    server      uvicorn, its connections bounded
"""
