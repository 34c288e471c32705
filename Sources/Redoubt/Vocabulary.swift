// Users import one module: Core's vocabulary comes with it.
@_exported public import RedoubtCore
