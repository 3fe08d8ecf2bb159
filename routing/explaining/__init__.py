"""Why a request is served or refused: the decision with everything that led to it. Pure; nothing is called or held."""
