"""phasejax: align or predict? Simulation and theory verification for multimodal representation learning.

Names are loaded when they are first used; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
