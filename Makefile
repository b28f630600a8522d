# Every habit of the project in one place; `make help` lists them. All set-up is done by .ci/set-up.
.DEFAULT_GOAL := help
.PHONY: help site serve check docs test test-all coverage format bench lock clean run-ready dev-ready
MAKEFLAGS += --no-print-directory

bin := .venv/bin
say := @printf '▶ %s\n'
# A slower machine is still a machine: one test process per processor, at most four.
jobs := $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -gt 4 ] && n=4; echo $$n)

shared := -n $(jobs) --dist loadfile --no-loadscope-reorder

help: ## 显示本说明
	@printf '领头雁：村（社区）党组织书记备案管理\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n首次运行会自动装好所需的一切；之后只补缺少的部分。\n'

site: run-ready ## 生成网站和备案表（公开版、内部版，放在 build/ 下）
	$(say) '校验记录，生成两个版别的网站，打印文书（第一次约五到十分钟，以后没有变的不再打印）'
	@$(bin)/lingtouyan build
	$(say) '看网站：make serve，然后打开 http://127.0.0.1:8000/；文书（PDF）在 build/internal/dossiers'

serve: run-ready ## 在本机打开网站，修改档案后自动更新
	@$(bin)/lingtouyan serve

check: run-ready ## 校验全部档案，指出错在哪个文件、哪一行、哪一栏
	@$(bin)/lingtouyan check

docs: run-ready ## 生成使用指南（放在 build/docs 下，用浏览器打开 guide/index.html）
	@NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --quiet -f .ci/docs.yml
	$(say) '使用指南在 build/docs/guide/index.html'

# One process keeps a file of tests together, so that what they share is made once.
# pytest comes last: its closing line is the verdict.
test: dev-ready ## 运行测试（开发人员用）
	$(say) '检查代码写法（ruff）'
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	$(say) '检查代码类型（mypy）'
	@$(bin)/mypy
	$(say) '运行测试（pytest）'
	@$(bin)/pytest $(shared) -m 'not exhaustive'

test-all: dev-ready ## 运行全部测试，包括耗时较长的（开发人员用）
	@$(bin)/pytest $(shared)

coverage: dev-ready ## 运行全部测试并统计覆盖率（开发人员用，慢一些）
	@$(bin)/pytest $(shared) --cov --cov-report=term

format: dev-ready ## 整理代码格式（开发人员用）
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

bench: dev-ready ## 测量速度和内存（开发人员用）
	@$(bin)/python -m benchmarks

lock: ## 重新锁定依赖版本；全部升级用 make lock UPGRADE=1（开发人员用）
	@bash .ci/lock $(if $(UPGRADE),--upgrade)

clean: ## 删除生成的内容（档案和 .venv 不动）
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* *.egg-info
	@find generator tests -name __pycache__ -type d -prune -exec rm -rf {} +
	$(say) '已删除 build/ 和各种缓存'

run-ready:
	@bash .ci/set-up run

dev-ready:
	@bash .ci/set-up dev
