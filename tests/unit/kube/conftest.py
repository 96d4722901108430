import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def fake_api() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fake_api", Path(__file__).with_name("fake_api.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
