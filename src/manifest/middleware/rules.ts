/** Rules between options of the host's own middleware, and between options and the rest of the manifest. */
import { isJsonObject } from "../../protocol/json.ts"
import type { Path, Scope } from "../scope.ts"
import { nodeAt, toValue } from "../tree.ts"
import { pathText } from "../words.ts"
import type { MiddlewareReading } from "./read.ts"

type Check = (options: MiddlewareReading["options"], path: Path, scope: Scope) => void

const checks: Readonly<Record<string, Check>> = {
  rateLimit(options, path, scope) {
    if (options["algorithm"] === "sliding-window" && options["burst"] !== undefined) {
      const at = [...path, "burst"]
      const message = `${pathText(at)} does not belong to a sliding window, which lets \`limit\` requests through at once`
      scope.keyProblem("MANIFEST_INVALID_VALUE", at, message, "Remove burst, or use the algorithm token-bucket.")
    }
    checkAtomic([...path, "store"], scope)
  },
  circuitBreaker(options, path, scope) {
    for (const key of ["window", "minimum"]) {
      if (options[key] === undefined || options["failureRate"] !== undefined) continue
      const message = `${pathText([...path, key])} says nothing without failureRate`
      scope.keyProblem("MANIFEST_INVALID_VALUE", [...path, key], message, `Give failureRate, or remove ${key}.`)
    }
  },
}

/** `path` leads to the options. */
export function checkRules({ name, options }: MiddlewareReading, path: Path, scope: Scope): void {
  checks[name]?.(options, path, scope)
}

/** Reports a store that cannot count in one step for several hosts: all but Redis, files and memory. */
function checkAtomic(path: Path, scope: Scope): void {
  const node = nodeAt(scope.tree, path)
  const name = node?.kind === "scalar" ? String(node.value) : ""
  const store = nodeAt(scope.tree, ["storage", name])
  const value = store === undefined ? undefined : toValue(store)
  const uri = isJsonObject(value) ? value["uri"] : undefined
  if (typeof uri !== "string" || /^rediss?:/i.test(uri)) return
  const message = `${pathText(path)}: the store ${name} cannot count for several hosts in one step`
  scope.problem("STORE_NOT_ATOMIC", path, message, "Use a store of type redis, file or memory.")
}
