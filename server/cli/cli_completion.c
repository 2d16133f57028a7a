/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <string.h>

/* What shells complete by, written from the tables of commands, flags and parameters. */

/* One flag of a command, whatever table it is from. */
struct option {
    char name[CLI_NAME_SIZE]; /* without the dashes */
    char letter;              /* 0 for none */
    bool takes_value, takes_file;
    int parameter; /* row of the table of parameters, or -1 */
    const char *help;
};

static bool is_file(const char *value)
{
    return value && strcmp(value, "FILE") == 0;
}

static bool parameter_at(const struct cli_command *command, size_t index, struct option *out)
{
    const char *name, *values, *help;

    if (!command->parameters || !kf_param_describe(index, &name, &values, &help))
        return false;
    *out = (struct option){.takes_value = true, .parameter = (int)index, .help = help};
    cli_dashed(out->name, name);
    out->takes_file = strcmp(name, "architecture") == 0;
    return true;
}

static bool setting_at(const struct cli_command *command, size_t index, struct option *out)
{
    const char *name, *value, *help;

    if (!command->settings || !config_describe(index, &name, &value, &help))
        return false;
    *out = (struct option){.takes_value = true, .takes_file = true, .parameter = -1, .help = help};
    cli_dashed(out->name, name);
    return true;
}

/* Option `index` of a command: its flags, then its parameters or settings; false past the end. */
static bool option_at(const struct cli_command *command, size_t index, struct option *out)
{
    const struct cli_flag *flag;

    for (size_t i = 0; (flag = cli_flag_at(i)); i++) {
        if (!(flag->commands & command->flags) || !flag->help || index-- > 0)
            continue;
        *out = (struct option){.letter = flag->letter,
                               .takes_value = flag->value != NULL,
                               .takes_file = is_file(flag->value),
                               .parameter = -1,
                               .help = flag->help};
        cli_dashed(out->name, flag->name);
        return true;
    }
    return parameter_at(command, index, out) || setting_at(command, index, out);
}

/* The words that a value can be, each behind `before`; how many. */
static size_t put_values(const struct option *option, const char *before)
{
    char room[CLI_NAME_SIZE];
    const char *word;
    size_t n = 0;

    for (; option->parameter >= 0 &&
           (word = kf_param_word((size_t)option->parameter, n, room, sizeof room));
         n++)
        printf("%s%s", n ? before : "", word);
    return n;
}

static bool has_values(const struct option *option)
{
    char room[CLI_NAME_SIZE];

    return option->parameter >= 0 &&
           kf_param_word((size_t)option->parameter, 0, room, sizeof room) != NULL;
}

static void put_commands(const char *before)
{
    const struct cli_command *command;

    for (size_t i = 0; (command = cli_command_at(i)); i++)
        printf("%s%s", i ? before : "", command->name);
}

/* In single quotes of a shell; what `also` has is taken by a backslash. */
static void put_quoted(const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr(also, *text))
            putchar('\\');
        putchar(*text);
    }
}

static void put_bash_values(const struct cli_command *command)
{
    struct option option;

    printf("    %s)\n        case $before in\n", command->name);
    for (size_t i = 0; option_at(command, i, &option); i++) {
        if (!option.takes_value)
            continue;
        printf("        --%s", option.name);
        if (option.letter)
            printf("|-%c", option.letter);
        fputs(") ", stdout);
        if (has_values(&option)) {
            fputs("words=\"", stdout);
            put_values(&option, " ");
            puts("\" ;;");
        } else {
            puts(option.takes_file ? "files=yes ;;" : "return ;;");
        }
    }
    puts("        *) files=yes words=\"--help");
    for (size_t i = 0; option_at(command, i, &option); i++)
        printf("            --%s\n", option.name);
    puts("            \" ;;\n        esac ;;");
}

static void put_bash(void)
{
    const struct cli_command *command;

    puts(
        "# bash completion of kferry\n"
        "_kferry() {\n"
        "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= files=\n"
        "    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    put_commands(" ");
    puts("' -- \"$now\"))\n"
         "        return\n"
         "    fi\n"
         "    case ${COMP_WORDS[1]} in");
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        if (command->flags || command->settings)
            put_bash_values(command);
    fputs("    help) words='", stdout);
    put_commands(" ");
    puts("' ;;\n"
         "    completion) words='bash zsh fish' ;;\n"
         "    esac\n"
         "    case $now in\n"
         "    -*) files= ;;\n"
         "    *) [ -z \"$files\" ] || words= ;;\n"
         "    esac\n"
         "    [ -z \"$words\" ] || COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
         "    [ -z \"$files\" ] || { compopt -o filenames 2>/dev/null; "
         "COMPREPLY=($(compgen -f -- \"$now\")); }\n"
         "}\n"
         "complete -F _kferry kferry");
}

static void put_zsh_option(const struct option *option)
{
    const char *equals = option->takes_value ? "=" : "";

    fputs(" \\\n            ", stdout);
    if (option->letter)
        printf("'(-%c --%s)'{-%c,--%s%s}'[", option->letter, option->name, option->letter,
               option->name, equals);
    else
        printf("'--%s%s[", option->name, equals);
    put_quoted(option->help, "[]:\\");
    putchar(']');
    if (option->takes_value) {
        printf(":%s:", option->name);
        if (has_values(option)) {
            putchar('(');
            put_values(option, " ");
            putchar(')');
        } else if (option->takes_file) {
            fputs("_files", stdout);
        }
    }
    putchar('\'');
}

static void put_zsh(void)
{
    const struct cli_command *command;
    struct option option;

    puts("#compdef kferry\n"
         "_kferry() {\n"
         "    local -a commands\n"
         "    commands=(");
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        printf("        '%s:", command->name);
        put_quoted(command->summary, ":");
        puts("'");
    }
    puts("    )\n"
         "    if (( CURRENT == 2 )); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    (( CURRENT-- ))\n"
         "    case $command in");
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (!command->flags && !command->settings)
            continue;
        printf("    %s)\n        _arguments '--help[say more]'", command->name);
        for (size_t k = 0; option_at(command, k, &option); k++)
            put_zsh_option(&option);
        puts(" \\\n            '*:file:_files' ;;");
    }
    fputs("    help) _arguments '*:command:(", stdout);
    put_commands(" ");
    puts(")' ;;\n"
         "    completion) _arguments '*:shell:(bash zsh fish)' ;;\n"
         "    esac\n"
         "}\n"
         "_kferry \"$@\"");
}

static void put_fish_option(const struct cli_command *command, const struct option *option)
{
    printf("complete -c kferry -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    if (option->takes_value)
        fputs(option->takes_file ? " -r -F" : " -x", stdout);
    if (has_values(option)) {
        fputs(" -a '", stdout);
        put_values(option, " ");
        putchar('\'');
    }
    fputs(" -d '", stdout);
    for (const char *c = option->help; *c; c++)
        printf("%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
    puts("'");
}

static void put_fish(void)
{
    const struct cli_command *command;
    struct option option;

    puts("# fish completion of kferry");
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        printf("complete -c kferry -f -n __fish_use_subcommand -a %s -d '%s'\n", command->name,
               command->summary);
    for (size_t i = 0; (command = cli_command_at(i)); i++)
        for (size_t k = 0; option_at(command, k, &option); k++)
            put_fish_option(command, &option);
    fputs("complete -c kferry -f -n '__fish_seen_subcommand_from help' -a '", stdout);
    put_commands(" ");
    puts("'\ncomplete -c kferry -f -n '__fish_seen_subcommand_from completion' "
         "-a 'bash zsh fish'");
}

static const struct {
    const char *name;
    void (*put)(void);
} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

int cli_completion(int argc, char *const *argv)
{
    for (size_t i = 0; argc == 1 && i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shells[i].name, argv[0]) == 0) {
            shells[i].put();
            return fflush(stdout) == 0 ? EXIT_FINE : EXIT_CANNOT_WRITE;
        }
    cli_error("say for which shell: bash, zsh or fish");
    return EXIT_USAGE;
}
