/** Ways to write the same command. Whatever is refused plainly must be refused in each of them. */
export const disguises: readonly ((command: string) => string)[] = [
  (command) => `cd /tmp && ${command}`,
  (command) => `true; ${command}`,
  (command) => `(${command})`,
  (command) => `{ ${command}; }`,
  (command) => `echo $(${command})`,
  (command) => `echo "it says $(${command})"`,
  (command) => `f() { ${command}; }`,
  (command) => `case x in a) ${command};; esac`,
  (command) => `(cd a; ls) | { cat; ${command}; }`,
  (command) => `CI=1 ${command}`,
  (command) => `env CI=1 ${command}`,
  (command) => `timeout 5s ${command}`,
  (command) => `nohup nice -n 5 ${command} &`,
  (command) => `eval '${command}'`,
  (command) => `ls | xargs -n 1 ${command}`,
  (command) => `if true; then ${command}; fi`,
  (command) => `cat <<X\nharmless\nX\n${command}`,
  (command) => `sh -c '${command}'`,
  (command) => `bash -lc '${command}'`,
  (command) => `echo \`${command}\``,
  (command) => `find . -name x -exec ${command} \\;`,
];
/** These fit inside every one of the others that quotes or wraps the whole. */
export const inner: readonly ((command: string) => string)[] = [
  (command) => command,
  (command) => `CI=1 ${command}`,
  (command) => `/usr/bin/${command}`,
  (command) => command.replace(/^(\w)(\w+)/, '$1""$2'),
  (command) => command.replace(" ", " \\\n"),
  (command) => `env -i CI=1 ${command}`,
  (command) => `sudo timeout -s KILL 5s ${command}`,
];
