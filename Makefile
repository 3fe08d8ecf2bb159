# A thin alias for dev.py, for those whose fingers say make.
.PHONY: up test lint check lock

up test lint check lock:
	python3 dev.py $@
