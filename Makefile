# A thin alias for dev.py, for those whose fingers say make.
.PHONY: up test check lock

up test check lock:
	python3 dev.py $@
