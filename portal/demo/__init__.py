"""A community worth clicking through: `manage.py seed_demo`.

    calendar.py   the six quarters that it has behind it, counted from today
    files.py      its register and other table files, invented but always the same
    people.py     who signs in
    money.py      bill runs and the payments of six kinds of payers
    service.py    tickets in every state
    standards.py  late fees, offers, proposals, planned periods, what happened to meters
    dealings.py   adjustments, vacancies, deposits, refunds, somebody who moves out
    picture.py    the photo that proves a vacancy
    past.py       gives what the services stamped "now" the day on which it would have happened
    build.py      all of it in order, in one transaction

Everything goes through the services that the portal itself uses.
"""
