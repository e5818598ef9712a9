"""Sandboxed Lua hooks for Python platforms: change business logic without a deploy."""

from .app import Alloy as Alloy
from .errors import AlloyError as AlloyError
from .errors import CompileError as CompileError
from .errors import Conflict as Conflict
from .errors import HostError as HostError
from .errors import InvalidValue as InvalidValue
from .errors import NotFound as NotFound
from .errors import Rejected as Rejected
from .errors import ScriptError as ScriptError
from .errors import ValidationError as ValidationError
from .hostapi import HostCall as HostCall
from .limits import PROFILES as PROFILES
from .limits import Limits as Limits
from .model import ApiTrigger as ApiTrigger
from .model import AtTrigger as AtTrigger
from .model import CronTrigger as CronTrigger
from .model import EventTrigger as EventTrigger
from .model import ManualTrigger as ManualTrigger
from .model import RunStatus as RunStatus
from .outcome import Outcome as Outcome
from .runner.health import BreakerPolicy as BreakerPolicy
from .runner.recorder import Recording as Recording
from .schema import Field as Field
from .schema import Schema as Schema
from .version import VERSION

__version__ = VERSION
