from community.models.access_log import AccessLog
from community.models.community import Building, Community, Unit, natural_key
from community.models.job import Job
from community.models.membership import Binding, BindingRequest, Membership, Role
from community.models.party import DateRange, Occupancy, Party, Vacancy, today
from community.models.stored_file import StoredFile
from community.models.user import User
from community.models.vacancy_request import VacancyRequest

__all__ = [
    "AccessLog",
    "Binding",
    "BindingRequest",
    "Building",
    "Community",
    "DateRange",
    "Job",
    "Membership",
    "Occupancy",
    "Party",
    "Role",
    "StoredFile",
    "Unit",
    "User",
    "Vacancy",
    "VacancyRequest",
    "natural_key",
    "today",
]
