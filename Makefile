# A thin alias for dev.py, for those whose fingers say make.
.PHONY: up test lint check lock css

up test lint check lock:
	python3 dev.py $@

# Needs node and npm; the result is committed.
css:
	python3 frontend/build.py
