/**
 * The environment of a child process or a package: an allow-list of what programs need to run at all, what the
 * manifest sets, and what it names to inherit. Nothing else of the host's environment, which may hold secrets.
 */
const allowed: readonly string[] =
  process.platform === "win32"
    ? [
        "APPDATA",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "NUMBER_OF_PROCESSORS",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "PROGRAMFILES(X86)",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
      ]
    : ["HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"]

export interface EnvironmentRules {
  readonly env: Readonly<Record<string, string>>
  readonly inheritEnv: readonly string[]
}

export function childEnvironment(
  rules: EnvironmentRules,
  host: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const names = new Set([...allowed, ...rules.inheritEnv].map(comparable))
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(host)) {
    if (value !== undefined && names.has(comparable(name))) environment[name] = value
  }
  return { ...environment, ...rules.env }
}

/** Windows does not tell `Path` from `PATH`. */
function comparable(name: string): string {
  return process.platform === "win32" ? name.toUpperCase() : name
}
