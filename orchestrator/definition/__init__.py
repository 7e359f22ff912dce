"""What a study is, as YAML says it, and what is wrong with one."""
