"""Labs released and collected, a class graded apart from student code, feedback and marks given back."""
